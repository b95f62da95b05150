;; Moves half of its memory of a GiB to the other half, and back, for ever: one instruction, half a billion bytes.
(memory (export "memory") 16384)
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32)
  (loop $more
    (memory.copy (i32.const 0x20000000) (i32.const 0x10000) (i32.const 0x1fff0000))
    (memory.copy (i32.const 0x10000) (i32.const 0x20000000) (i32.const 0x1fff0000))
    (br $more))
  (unreachable))
