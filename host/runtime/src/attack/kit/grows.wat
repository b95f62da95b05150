;; Asks for all the memory that 32 bits count, and stops when it does not get it.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "attack")
      (loop $again (br_if $again (i32.ge_s (memory.grow (i32.const 1024)) (i32.const 0))))
      (unreachable)))
  (core instance $m (instantiate $m))
  (func (export "attack")
    (canon lift (core func $m "attack"))))
