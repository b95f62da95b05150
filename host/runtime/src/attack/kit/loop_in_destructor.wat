;; Computes for ever where it lets go of what it made.
(component
  (core module $d (func (export "dtor") (param i32) (loop $again (br $again))))
  (core instance $d (instantiate $d))
  (type $r (resource (rep i32) (dtor (core func $d "dtor"))))
  (core func $new (canon resource.new $r))
  (core func $drop (canon resource.drop $r))
  (core module $m
    (import "" "new" (func $new (param i32) (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (func (export "attack") (call $drop (call $new (i32.const 7)))))
  (core instance $m (instantiate $m (with "" (instance (export "new" (func $new)) (export "drop" (func $drop))))))
  (func (export "attack") (canon lift (core func $m "attack"))))
