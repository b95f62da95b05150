;; Writes a line with an escape sequence, a line break, a zero byte, a bidi mark and a forged prefix.
(import "cleargate:host/log@0.1.0" "write" (func $write (param i32 i32 i32 i32 i32)))
(memory (export "memory") 1)
(data (i32.const 512) "a\1b[31mred\0aERROR forged\00\e2\80\aeb")
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32)
  (call $write (i32.const 2) (i32.const 512) (i32.const 27) (i32.const 0) (i32.const 0))
  (i32.const 64))
