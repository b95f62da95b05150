package wire

import "cleargate"

// ReplySize is that of what a model answered, in bytes.
const ReplySize = ValueSize + 3*8

// Reply reads what a model answered.
func (place Place) Reply() (cleargate.Reply, error) {
	message, err := place.Data("reply")
	used := place.Plus(ValueSize)
	return cleargate.Reply{
		Message:      message,
		InputTokens:  used.Long(),
		OutputTokens: used.Plus(8).Long(),
		MicroUSD:     used.Plus(16).Long(),
	}, err
}

// SetReply writes what a model answered.
func (place Place) SetReply(reply cleargate.Reply) error {
	used := place.Plus(ValueSize)
	used.SetLong(reply.InputTokens)
	used.Plus(8).SetLong(reply.OutputTokens)
	used.Plus(16).SetLong(reply.MicroUSD)
	return place.SetData(reply.Message)
}
