;; Answers in UTF-16 with one half of a character.
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 16) "\20\00\00\00\01\00\00\00")
    (data (i32.const 32) "\00\d8")
    (func (export "attack") (result i32) (i32.const 16)))
  (core instance $m (instantiate $m))
  (func (export "attack") (result string)
    (canon lift (core func $m "attack") string-encoding=utf16 (memory (core memory $m "memory")))))
