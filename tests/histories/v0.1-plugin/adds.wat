;; Adds ten to its input, and traps on 7.
(component
    (core module $m (func (export "adds") (param i32) (result i32)
        (if (i32.eq (local.get 0) (i32.const 7)) (then unreachable))
        (i32.add (local.get 0) (i32.const 10))))
    (core instance $i (instantiate $m))
    (func (export "adds") (param "n" u32) (result u32) (canon lift (core func $i "adds"))))
