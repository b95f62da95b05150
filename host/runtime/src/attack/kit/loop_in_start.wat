;; Computes for ever before anybody calls it.
(component
  (core module $m
    (func $start (loop $again (br $again)))
    (start $start)
    (func (export "attack")))
  (core instance $m (instantiate $m))
  (func (export "attack")
    (canon lift (core func $m "attack"))))
