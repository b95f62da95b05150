;; Gives as its answer what it finds in a store: `j` and JSON text, `e` and the code, text and detail of an error, `m`
;; and the words of a handle, or anything else and the payload of a case that this host does not know.
(import "cleargate:host/kv@0.1.0" "get" (func $get (param i32 i32 i32 i32 i32)))
(memory (export "memory") 4)
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32) (local $at i32) (local $length i32) (local $word i32)
  (call $get (i32.const 32) (i32.const 4) (i32.const 32) (i32.const 4) (i32.const 512))
  (if (i32.eqz (i32.load (i32.const 524))) (then (return (i32.const 64))))
  (local.set $word (i32.load8_u (i32.load (i32.const 520))))
  (local.set $at (i32.add (i32.load (i32.const 520)) (i32.const 1)))
  (local.set $length (i32.sub (i32.load (i32.const 524)) (i32.const 1)))
  (if (i32.eq (local.get $word) (i32.const 0x65)) (then ;; e
    (i32.store (i32.const 768) (i32.const 1))
    (if (local.get $length) (then (i32.store (i32.const 776) (i32.and (i32.load8_u (local.get $at)) (i32.const 15)))))
    (call $put (i32.const 780) (local.get $at) (local.get $length))
    (i32.store (i32.const 792) (i32.const 1))
    (call $put (i32.const 796) (local.get $at) (local.get $length))
    (return (i32.const 768))))
  (i32.store (i32.const 776) (i32.const 2))
  (if (i32.eq (local.get $word) (i32.const 0x6a)) (then (i32.store (i32.const 776) (i32.const 0)))) ;; j
  (call $put (i32.const 784) (local.get $at) (local.get $length))
  (if (i32.eq (local.get $word) (i32.const 0x6d)) (then ;; m
    (i32.store (i32.const 776) (i32.const 1))
    (call $put (i32.const 792) (local.get $at) (local.get $length))
    (i64.store (i32.const 800) (i64.extend_i32_u (local.get $length)))
    (i32.store (i32.const 808) (i32.const 1))
    (call $put (i32.const 812) (local.get $at) (local.get $length))))
  (i32.const 768))
(func $put (param i32 i32 i32)
  (i32.store (local.get 0) (local.get 1)) (i32.store offset=4 (local.get 0) (local.get 2)))
