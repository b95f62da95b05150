;; Answers with bytes that are no UTF-8.
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 16) "\20\00\00\00\04\00\00\00")
    (data (i32.const 32) "\ff\fe\c0\80")
    (func (export "attack") (result i32) (i32.const 16)))
  (core instance $m (instantiate $m))
  (func (export "attack") (result string)
    (canon lift (core func $m "attack") (memory (core memory $m "memory")))))
