;; Answers with a case that its own type does not have.
(component
  (core module $m
    (func (export "attack") (result i32) (i32.const 9)))
  (core instance $m (instantiate $m))
  (type $cases (enum "one" "two"))
  (export $answer "answer" (type $cases))
  (func (export "attack") (result $answer)
    (canon lift (core func $m "attack"))))
