;; Grows a table for ever.
(component
  (core module $m
    (table $t 1 funcref)
    (func (export "attack")
      (loop $again (br_if $again (i32.ge_s (table.grow $t (ref.null func) (i32.const 1024)) (i32.const 0))))
      (unreachable)))
  (core instance $m (instantiate $m))
  (func (export "attack")
    (canon lift (core func $m "attack"))))
