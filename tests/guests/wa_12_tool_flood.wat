;; Calls tools without end, and takes no notice of what they answer.
(import "cleargate:host/tools@0.1.0" "call"
  (func $call (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i32 i32 i32)))
(memory (export "memory") 1)
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32)
  (loop $more
    (global.set $top (i32.const 8192))
    (call $call (i32.const 32) (i32.const 4) (i32.const 0) (i32.const 32) (i32.const 4) (i32.const 0)
      (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
    (br $more))
  (unreachable))
