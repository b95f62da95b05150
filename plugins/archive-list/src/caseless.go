package main

import (
	"strings"
	"unicode"
)

// Letters with a mark, by the mark: each letter is followed by the one with it. File systems of Apple keep both apart,
// others keep them as one, and some take either for the same name. Latin, Greek and Cyrillic.
var marked = map[rune]string{
	0x0300: "AÀEÈIÌOÒUÙaàeèiìoòuùÜǛüǜNǸnǹЕЀИЍеѐиѝĒḔēḕŌṐōṑ" +
		"WẀwẁÂẦâầĂẰăằÊỀêềÔỒôồƠỜơờƯỪưừYỲyỳἀἂἁἃἈἊἉἋἐἒἑἓ" +
		"ἘἚἙἛἠἢἡἣἨἪἩἫἰἲἱἳἸἺἹἻὀὂὁὃὈὊὉὋὐὒὑὓὙὛὠὢὡὣὨὪὩὫαὰ" +
		"εὲηὴιὶοὸυὺωὼΑᾺΕῈΗῊϊῒΙῚϋῢΥῪΟῸΩῺ",
	0x0301: "AÁEÉIÍOÓUÚYÝaáeéiíoóuúyýCĆcćLĹlĺNŃnńRŔrŕSŚsś" +
		"ZŹzźÜǗüǘGǴgǵÅǺåǻÆǼæǽØǾøǿΑΆΕΈΗΉΙΊΟΌΥΎΩΏϊΐαάεέ" +
		"ηήιίϋΰοόυύωώϒϓГЃКЌгѓкќÇḈçḉĒḖēḗÏḮïḯKḰkḱMḾmḿÕṌ" +
		"õṍŌṒōṓPṔpṕŨṸũṹWẂwẃÂẤâấĂẮăắÊẾêếÔỐôốƠỚơớƯỨưứἀἄ" +
		"ἁἅἈἌἉἍἐἔἑἕἘἜἙἝἠἤἡἥἨἬἩἭἰἴἱἵἸἼἹἽὀὄὁὅὈὌὉὍὐὔὑὕὙὝ" +
		"ὠὤὡὥὨὬὩὭ",
	0x0302: "AÂEÊIÎOÔUÛaâeêiîoôuûCĈcĉGĜgĝHĤhĥJĴjĵSŜsŝWŴwŵ" +
		"YŶyŷZẐzẑẠẬạậẸỆẹệỌỘọộ",
	0x0303: "AÃNÑOÕaãnñoõIĨiĩUŨuũVṼvṽÂẪâẫĂẴăẵEẼeẽÊỄêễÔỖôỗ" +
		"ƠỠơỡƯỮưữYỸyỹ",
	0x0304: "AĀaāEĒeēIĪiīOŌoōUŪuūÜǕüǖÄǞäǟȦǠȧǡÆǢæǣǪǬǫǭÖȪöȫ" +
		"ÕȬõȭȮȰȯȱYȲyȳИӢиӣУӮуӯGḠgḡḶḸḷḹṚṜṛṝαᾱΑᾹιῑΙῙυῡΥῩ",
	0x0306: "AĂaăEĔeĕGĞgğIĬiĭOŎoŏUŬuŭУЎИЙийуўЖӁжӂАӐаӑЕӖеӗ" +
		"ȨḜȩḝẠẶạặαᾰΑᾸιῐΙῘυῠΥῨ",
	0x0307: "CĊcċEĖeėGĠgġIİZŻzżAȦaȧOȮoȯBḂbḃDḊdḋFḞfḟHḢhḣMṀ" +
		"mṁNṄnṅPṖpṗRṘrṙSṠsṡŚṤśṥŠṦšṧṢṨṣṩTṪtṫWẆwẇXẊxẋYẎ" +
		"yẏſẛ",
	0x0308: "AÄEËIÏOÖUÜaäeëiïoöuüyÿYŸΙΪΥΫιϊυϋϒϔЕЁІЇеёіїАӒ" +
		"аӓӘӚәӛЖӜжӝЗӞзӟИӤиӥОӦоӧӨӪөӫЭӬэӭУӰуӱЧӴчӵЫӸыӹHḦ" +
		"hḧÕṎõṏŪṺūṻWẄwẅXẌxẍtẗ",
	0x0309: "AẢaảÂẨâẩĂẲăẳEẺeẻÊỂêểIỈiỉOỎoỏÔỔôổƠỞơởUỦuủƯỬưử" +
		"YỶyỷ",
	0x030a: "AÅaåUŮuůwẘyẙ",
	0x030b: "OŐoőUŰuűУӲуӳ",
	0x030c: "CČcčDĎdďEĚeěLĽlľNŇnňRŘrřSŠsšTŤtťZŽzžAǍaǎIǏiǐ" +
		"OǑoǒUǓuǔÜǙüǚGǦgǧKǨkǩƷǮʒǯjǰHȞhȟ",
	0x030f: "AȀaȁEȄeȅIȈiȉOȌoȍRȐrȑUȔuȕѴѶѵѷ",
	0x0311: "AȂaȃEȆeȇIȊiȋOȎoȏRȒrȓUȖuȗ",
	0x0313: "αἀΑἈεἐΕἘηἠΗἨιἰΙἸοὀΟὈυὐωὠΩὨρῤ",
	0x0314: "αἁΑἉεἑΕἙηἡΗἩιἱΙἹοὁΟὉυὑΥὙωὡΩὩρῥΡῬ",
	0x031b: "OƠoơUƯuư",
	0x0323: "BḄbḅDḌdḍHḤhḥKḲkḳLḶlḷMṂmṃNṆnṇRṚrṛSṢsṣTṬtṭVṾvṿ" +
		"WẈwẉZẒzẓAẠaạEẸeẹIỊiịOỌoọƠỢơợUỤuụƯỰưựYỴyỵ",
	0x0324: "UṲuṳ",
	0x0325: "AḀaḁ",
	0x0326: "SȘsșTȚtț",
	0x0327: "CÇcçGĢgģKĶkķLĻlļNŅnņRŖrŗSŞsşTŢtţEȨeȩDḐdḑHḨhḩ",
	0x0328: "AĄaąEĘeęIĮiįUŲuųOǪoǫ",
	0x032d: "DḒdḓEḘeḙLḼlḽNṊnṋTṰtṱUṶuṷ",
	0x032e: "HḪhḫ",
	0x0330: "EḚeḛIḬiḭUṴuṵ",
	0x0331: "BḆbḇDḎdḏKḴkḵLḺlḻNṈnṉRṞrṟTṮtṯZẔzẕhẖ",
	0x0342: "ἀἆἁἇἈἎἉἏἠἦἡἧἨἮἩἯἰἶἱἷἸἾἹἿὐὖὑὗὙὟὠὦὡὧὨὮὩὯαᾶηῆιῖ" +
		"ϊῗυῦϋῧωῶ",
	0x0345: "ἀᾀἁᾁἂᾂἃᾃἄᾄἅᾅἆᾆἇᾇἈᾈἉᾉἊᾊἋᾋἌᾌἍᾍἎᾎἏᾏἠᾐἡᾑἢᾒἣᾓἤᾔἥᾕ" +
		"ἦᾖἧᾗἨᾘἩᾙἪᾚἫᾛἬᾜἭᾝἮᾞἯᾟὠᾠὡᾡὢᾢὣᾣὤᾤὥᾥὦᾦὧᾧὨᾨὩᾩὪᾪὫᾫ" +
		"ὬᾬὭᾭὮᾮὯᾯὰᾲαᾳάᾴᾶᾷΑᾼὴῂηῃήῄῆῇΗῌὼῲωῳώῴῶῷΩῼ",
}

var apart = map[rune][2]rune{}

func init() {
	for mark, pairs := range marked {
		letters := []rune(pairs)
		for i := 0; i < len(letters); i += 2 {
			apart[letters[i+1]] = [2]rune{letters[i], mark}
		}
	}
}

// decomposed writes a letter and its marks one by one.
func decomposed(letter rune, to *strings.Builder) {
	if pair, has := apart[letter]; has {
		decomposed(pair[0], to)
		letter = pair[1]
	}
	to.WriteRune(letter)
}

// caseless is a text without the difference of small letters and capitals, and of ways to write an accent.
func caseless(text string) string {
	if isASCII(text) {
		return strings.ToUpper(text)
	}
	plain := &strings.Builder{}
	for _, letter := range text {
		decomposed(letter, plain)
	}
	folded := strings.Map(smallest, plain.String())
	return sharp.Replace(folded)
}

var sharp = strings.NewReplacer("ß", "SS", "ẞ", "SS")

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}

// smallest is the first of the letters that differ by case alone.
func smallest(letter rune) rune {
	first := letter
	for next := unicode.SimpleFold(letter); next != letter; next = unicode.SimpleFold(next) {
		first = min(first, next)
	}
	return first
}
