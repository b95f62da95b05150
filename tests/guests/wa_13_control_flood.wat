;; Writes lines of zero bytes, of which each takes six in the journal.
(import "cleargate:host/log@0.1.0" "write" (func $write (param i32 i32 i32 i32 i32)))
(memory (export "memory") 2)
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32) (local $n i32)
  (loop $more
    (call $write (i32.const 2) (i32.const 65536) (i32.const 4096) (i32.const 0) (i32.const 0))
    (local.set $n (i32.add (local.get $n) (i32.const 1)))
    (br_if $more (i32.lt_u (local.get $n) (i32.const 100))))
  (i32.const 64))
