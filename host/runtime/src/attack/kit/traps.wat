;; Goes deep, and stops itself there.
(component
  (core module $m
    (func $down (param i32)
      (if (i32.eqz (local.get 0)) (then (unreachable)))
      (call $down (i32.sub (local.get 0) (i32.const 1))))
    (func (export "attack") (call $down (i32.const 500))))
  (core instance $m (instantiate $m))
  (func (export "attack")
    (canon lift (core func $m "attack"))))
