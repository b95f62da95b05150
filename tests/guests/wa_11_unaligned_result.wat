;; Answers with a pointer that is not aligned.
(memory (export "memory") 1)
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32) (i32.const 65))
