;; Answers with UTF-16 text that is half of a pair.
(memory (export "memory") 1)
(data (i32.const 240) "\22\00\00\d8\22\00")
(data (i32.const 264) "\00\00\00\00\00\00\00\00\f0\00\00\00\03\00\00\00")
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32) (i32.const 256))
