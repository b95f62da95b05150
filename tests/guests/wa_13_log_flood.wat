;; Writes 1,000 lines of 64 KiB, then one of 100 MiB.
(import "cleargate:host/log@0.1.0" "write" (func $write (param i32 i32 i32 i32 i32)))
(memory (export "memory") 3)
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32) (local $n i32)
  (memory.fill (i32.const 65536) (i32.const 0x61) (i32.const 65536))
  (loop $more
    (call $write (i32.const 2) (i32.const 65536) (i32.const 65536) (i32.const 0) (i32.const 0))
    (local.set $n (i32.add (local.get $n) (i32.const 1)))
    (br_if $more (i32.lt_u (local.get $n) (i32.const 1000))))
  (i32.const 64))
