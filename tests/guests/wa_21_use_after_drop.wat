;; Opens a body, drops its handle, and reads from it.
(import "cleargate:host/http@0.1.0" "open"
  (func $open (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
(import "cleargate:host/http@0.1.0" "[method]body.next" (func $next (param i32 i32 i32)))
(import "cleargate:host/http@0.1.0" "[resource-drop]body" (func $drop (param i32)))
(memory (export "memory") 1)
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32)
  (call $open (i32.const 32) (i32.const 4) (i32.const 32) (i32.const 4) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
  (call $drop (i32.load (i32.const 528)))
  (call $next (i32.load (i32.const 528)) (i32.const 16) (i32.const 600))
  (i32.const 64))
