;; Calls itself for ever.
(component
  (core module $m
    (func $attack (export "attack") (call $attack)))
  (core instance $m (instantiate $m))
  (func (export "attack")
    (canon lift (core func $m "attack"))))
