;; Answers at once. It is no attack: others must not hold it up.
(component
  (core module $m
    (func (export "attack") (result i32) (i32.const 7)))
  (core instance $m (instantiate $m))
  (func (export "attack") (result u32)
    (canon lift (core func $m "attack"))))
