;; Computes for ever.
(component
  (core module $m
    (func (export "attack") (loop $again (br $again))))
  (core instance $m (instantiate $m))
  (func (export "attack")
    (canon lift (core func $m "attack"))))
