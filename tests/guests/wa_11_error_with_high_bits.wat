;; Answers with an error whose code has all bits set, where the contract has ten codes.
(memory (export "memory") 1)
(data (i32.const 256) "\01\00\00\00\00\00\00\00\ff\00\00\00\20\00\00\00\04\00\00\00\ff\00\00\00")
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32) (i32.const 256))
