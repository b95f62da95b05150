;; Answers with the bits of a number that is none: where they are not always the same, they carry something.
(component
  (core module $m
    (func (export "attack") (result i32)
      (i32.reinterpret_f32 (f32.add (f32.reinterpret_i32 (i32.const 0x7fa12345)) (f32.const 1)))))
  (core instance $m (instantiate $m))
  (func (export "attack") (result u32)
    (canon lift (core func $m "attack"))))
