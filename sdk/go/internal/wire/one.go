package wire

// Described is the description of a kind of which a component has one.
func Described(id, summary, config string) uint32 {
	to := New(24)
	to.SetText(id)
	to.Plus(8).SetText(summary)
	to.Plus(16).SetText(config)
	return uint32(uintptr(to.Pointer()))
}
