;; Asks for the time, ten million times.
(import "cleargate:host/clock@0.1.0" "elapsed" (func $elapsed (result i64)))
(memory (export "memory") 1)
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32) (local $n i32)
  (loop $more
    (drop (call $elapsed))
    (local.set $n (i32.add (local.get $n) (i32.const 1)))
    (br_if $more (i32.lt_u (local.get $n) (i32.const 10000000))))
  (i32.const 64))
