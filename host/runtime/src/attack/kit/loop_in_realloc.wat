;; Computes for ever where the host asks for room for its argument.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (loop $again (br $again)) (unreachable))
    (func (export "attack") (param i32 i32)))
  (core instance $m (instantiate $m))
  (func (export "attack") (param "text" string)
    (canon lift (core func $m "attack") (memory (core memory $m "memory"))
      (realloc (core func $m "realloc")))))
