;; Stops itself at once, below more frames than a trap may list, with long names.
(memory (export "memory") 1)
(func $a_function_whose_name_is_much_longer_than_what_a_backtrace_may_list_of_it_because_strangers_choose_the_names_of_their_functions_and_names_cost_memory
  (param i32)
  (if (i32.eqz (local.get 0)) (then (unreachable)))
  (call $a_function_whose_name_is_much_longer_than_what_a_backtrace_may_list_of_it_because_strangers_choose_the_names_of_their_functions_and_names_cost_memory
    (i32.sub (local.get 0) (i32.const 1))))
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32)
  (call 0 (i32.const 100))
  (i32.const 64))
