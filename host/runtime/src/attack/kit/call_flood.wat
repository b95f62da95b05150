;; Asks the host for the time, for ever.
(component
  (import "cleargate:host/clock@0.1.0" (instance $clock (export "now" (func (result u64)))))
  (alias export $clock "now" (func $now))
  (core func $now (canon lower (func $now)))
  (core module $m
    (import "" "now" (func $now (result i64)))
    (func (export "attack") (loop $again (drop (call $now)) (br $again))))
  (core instance $m (instantiate $m (with "" (instance (export "now" (func $now))))))
  (func (export "attack") (canon lift (core func $m "attack"))))
