;; Takes a page after the other, and writes to each of them.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "attack") (local $page i32)
      (loop $again
        (local.set $page (memory.grow (i32.const 1)))
        (if (i32.lt_s (local.get $page) (i32.const 0)) (then (unreachable)))
        (memory.fill (i32.shl (local.get $page) (i32.const 16)) (i32.const 0xff) (i32.const 65536))
        (br $again))))
  (core instance $m (instantiate $m))
  (func (export "attack")
    (canon lift (core func $m "attack"))))
