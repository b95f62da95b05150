;; Makes one resource after the other, and keeps every one.
(component
  (type $r (resource (rep i32)))
  (core func $new (canon resource.new $r))
  (core module $m
    (import "" "new" (func $new (param i32) (result i32)))
    (func (export "attack") (loop $again (drop (call $new (i32.const 7))) (br $again))))
  (core instance $m (instantiate $m (with "" (instance (export "new" (func $new))))))
  (func (export "attack") (canon lift (core func $m "attack"))))
