;; Answers when it finds a mark of an earlier call; else leaves one, and computes for ever.
(component
  (core module $m
    (memory (export "memory") 2)
    (global $marked (mut i32) (i32.const 0))
    (func (export "attack") (result i32)
      (if (i32.or (global.get $marked) (i32.load8_u (i32.const 70000))) (then (return (i32.const 1))))
      (global.set $marked (i32.const 1))
      (loop $again (memory.fill (i32.const 65536) (i32.const 1) (i32.const 65536)) (br $again))
      (unreachable)))
  (core instance $m (instantiate $m))
  (func (export "attack") (result u32)
    (canon lift (core func $m "attack"))))
