;; Sleeps for fifty days.
(component
  (import "cleargate:host/clock@0.1.0" (instance $clock (export "sleep" (func (param "ms" u32)))))
  (alias export $clock "sleep" (func $sleep))
  (core func $sleep (canon lower (func $sleep)))
  (core module $m
    (import "" "sleep" (func $sleep (param i32)))
    (func (export "attack") (call $sleep (i32.const -1))))
  (core instance $m (instantiate $m (with "" (instance (export "sleep" (func $sleep))))))
  (func (export "attack") (canon lift (core func $m "attack"))))
