;; Answers with a lone surrogate, encoded as three bytes.
(memory (export "memory") 1)
(data (i32.const 240) "\22\ed\a0\80\22")
(data (i32.const 264) "\00\00\00\00\00\00\00\00\f0\00\00\00\05\00\00\00")
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32) (i32.const 256))
