;; Reads a body that it never opened.
(import "cleargate:host/http@0.1.0" "[method]body.next" (func $next (param i32 i32 i32)))
(memory (export "memory") 1)
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32)
  (call $next (i32.const 7) (i32.const 16) (i32.const 512))
  (i32.const 64))
