;; Grows page by page and touches each, until it is refused.
(memory (export "memory") 1)
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32) (local $page i32)
  (loop $more
    (local.set $page (memory.grow (i32.const 1)))
    (if (i32.eq (local.get $page) (i32.const -1)) (then (unreachable)))
    (i32.store8 (i32.mul (local.get $page) (i32.const 65536)) (i32.const 1))
    (br $more))
  (unreachable))
