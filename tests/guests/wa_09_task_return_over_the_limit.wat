;; Answers with 16 MiB of text, through the function that an asynchronous guest returns with.
(import "[export]cleargate:node/node@0.1.0" "[task-return]run"
  (func $return (param i32 i32 i32 i32 i32 i32 i64 i32 i32 i32)))
(memory (export "memory") 300)
(func (export "[async-lift]cleargate:node/node@0.1.0#run") (param i32) (result i32)
  (call $return (i32.const 0) (i32.const 0) (i32.const 65536) (i32.const 16777216)
    (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
  (i32.const 0))
(func (export "[callback][async-lift]cleargate:node/node@0.1.0#run") (param i32 i32 i32) (result i32)
  (i32.const 0))
