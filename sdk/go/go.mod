module cleargate

go 1.27
