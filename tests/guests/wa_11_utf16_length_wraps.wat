;; Answers with UTF-16 text of 2^31 units: 2^32 bytes, which 32 bits cannot count.
(memory (export "memory") 1)
(data (i32.const 264) "\00\00\00\00\00\00\00\00\20\00\00\00\00\00\00\80")
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32) (i32.const 256))
