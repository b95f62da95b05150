;; Answers when it finds a mark of an earlier call; else leaves one, and runs out of fuel in a bulk operation.
(memory (export "memory") 3)
(global $marked (mut i32) (i32.const 0))
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32)
  (if (i32.or (global.get $marked) (i32.load8_u (i32.const 70000))) (then (return (i32.const 64))))
  (global.set $marked (i32.const 1))
  (loop $more
    (memory.fill (i32.const 65536) (i32.const 1) (i32.const 65536))
    (br $more))
  (unreachable))
