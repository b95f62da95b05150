module archive-list

go 1.27

require cleargate v0.0.0

replace cleargate => ../vendor/sdk/go
