;; Moves half of its memory to the other half, for ever: one instruction, fourteen million bytes.
(component
  (core module $m
    (memory (export "memory") 448)
    (func (export "attack")
      (loop $again
        (memory.copy (i32.const 0xe00000) (i32.const 0) (i32.const 0xe00000))
        (br $again))))
  (core instance $m (instantiate $m))
  (func (export "attack")
    (canon lift (core func $m "attack"))))
