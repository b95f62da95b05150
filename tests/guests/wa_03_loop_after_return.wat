;; Answers, and computes for ever in the function that frees the answer.
(memory (export "memory") 1)
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32) (i32.const 64))
(func (export "cabi_post_cleargate:node/node@0.1.0#run") (param i32) (loop $again (br $again)))
