;; Asks a key-value store that it can do without, and insists on being denied.
(import "cleargate:host/kv@0.1.0" "get" (func $get (param i32 i32 i32 i32 i32)))
(memory (export "memory") 1)
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32)
  (call $get (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
  ;; The case of the result, and the code of the error: `denied` is the sixth.
  (if (i32.ne (i32.load8_u (i32.const 512)) (i32.const 1)) (then unreachable))
  (if (i32.ne (i32.load8_u (i32.const 516)) (i32.const 5)) (then unreachable))
  (i32.const 64))
