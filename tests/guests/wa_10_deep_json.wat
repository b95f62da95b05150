;; Answers with JSON that opens 100,000 lists.
(memory (export "memory") 4)
(data (i32.const 264) "\00\00\00\00\00\00\00\00\00\00\01\00\a0\86\01\00")
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32)
  (memory.fill (i32.const 65536) (i32.const 0x5b) (i32.const 100000))
  (i32.const 256))
