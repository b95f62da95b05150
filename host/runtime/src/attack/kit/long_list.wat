;; Answers with eight million pairs.
(component
  (core module $m
    (memory (export "memory") 300)
    (data (i32.const 16) "\00\00\01\00\00\00\80\00")
    (func (export "attack") (result i32) (i32.const 16)))
  (core instance $m (instantiate $m))
  (func (export "attack") (result (list (tuple bool bool)))
    (canon lift (core func $m "attack") (memory (core memory $m "memory")))))
