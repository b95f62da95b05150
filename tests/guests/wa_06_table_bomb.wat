;; Grows a table without end, and stops when it is refused.
(memory (export "memory") 1)
(table $t 1 funcref)
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32)
  (loop $more
    (if (i32.eq (table.grow $t (ref.null func) (i32.const 65536)) (i32.const -1)) (then (unreachable)))
    (br $more))
  (unreachable))
