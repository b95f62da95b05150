;; Sixteen memories: each grows a little, and all of them together beyond the limit. The first one is the host's to read.
(memory (export "memory") 1)
(memory $b 1) (memory $c 1) (memory $d 1) (memory $e 1) (memory $f 1) (memory $g 1) (memory $h 1)
(memory $i 1) (memory $j 1) (memory $k 1) (memory $l 1) (memory $m 1) (memory $n 1) (memory $o 1) (memory $p 1)
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32)
  (loop $more
    (drop (memory.grow $b (i32.const 1))) (drop (memory.grow $c (i32.const 1))) (drop (memory.grow $d (i32.const 1)))
    (drop (memory.grow $e (i32.const 1))) (drop (memory.grow $f (i32.const 1))) (drop (memory.grow $g (i32.const 1)))
    (drop (memory.grow $h (i32.const 1))) (drop (memory.grow $i (i32.const 1))) (drop (memory.grow $j (i32.const 1)))
    (drop (memory.grow $k (i32.const 1))) (drop (memory.grow $l (i32.const 1))) (drop (memory.grow $m (i32.const 1)))
    (drop (memory.grow $n (i32.const 1))) (drop (memory.grow $o (i32.const 1)))
    (br_if $more (i32.ge_s (memory.grow $p (i32.const 1)) (i32.const 0))))
  (unreachable))
