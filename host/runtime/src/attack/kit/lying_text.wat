;; Answers with a text of 4 GiB that is not there.
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 16) "\00\00\00\00\ff\ff\ff\ff")
    (func (export "attack") (result i32) (i32.const 16)))
  (core instance $m (instantiate $m))
  (func (export "attack") (result string)
    (canon lift (core func $m "attack") (memory (core memory $m "memory")))))
