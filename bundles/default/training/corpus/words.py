"""Words of the stories."""


def words(text):
    return text.split()


def phrases(text):
    return [phrase.strip() for phrase in text.replace("\n", ",").split(",") if phrase.strip()]


GIRLS = words("""
Lily Anna Mia Emma Sara Lucy Ella Nora Rosa Clara Ida Greta Maya Zoe Alice Amy Beth
Cora Daisy Eva Fay Gina Hana Ivy Jane Kate Lena Mona Nina Olga Pia Ruth Sue Tess Una Vera Wendy Yara
Hazel Molly Penny Ruby Stella Tina Willow Agnes Bella Carla Dora Elsa Flora Heidi Irma Julia Kira
Laura Maria Nelly Paula Rita Sophie Thea Ursula Viola""")
BOYS = words("""
Tom Ben Max Sam Leo Tim Jack Finn Oscar Paul Hugo Emil Anton Felix Noah Adam Alan
Bert Carl Dan Eric Fred Gus Hans Ivan Jim Karl Luke Mark Ned Otto Pete Ralph Simon Ted Victor
Arthur Bruno Colin David Edgar Frank George Harry Isaac Jonas Kurt Louis Martin Nils Oliver Peter
Quentin Robin Stefan Theo Ugo Vincent Walter Xaver Yusuf Zack""")
PETS = words("""Pip Dot Fluffy Nutty Bobo Coco Pepper Button Biscuit Buddy Mossy Pebble Rusty Snowy
Spotty Sunny Tiny Whiskers Ziggy Bramble Clover Dusty Fern Ginger Jumper Muffin Nibbles Olive Poppy
Scamp Shadow Smoky Sparky Thistle Toffee Twinkle Wiggles Waffles Marble Noodle Acorn""")

KINDS = words("""bear fox rabbit mouse squirrel hedgehog badger mole otter beaver kitten puppy pony
donkey calf piglet lamb goat chick duck goose swan owl sparrow crow parrot penguin frog toad turtle
lizard elephant giraffe zebra monkey panda camel seal crab snail bee ant spider butterfly bat robin
hamster dragon hare deer""")
PEOPLE = words("""
baker farmer fisher gardener shepherd miller sailor teacher carpenter painter tailor
king queen princess prince knight wizard smith potter librarian clockmaker beekeeper captain cook
woodcutter musician postman astronomer""")

TRAITS = words("""little small brave kind clever shy curious happy lazy quiet cheerful gentle proud
stubborn playful young lonely friendly careful honest merry patient polite restless sleepy silly
hungry busy tiny grumpy dreamy lively nervous thoughtful generous""")
FEELINGS = words("""
happy proud glad cheerful thankful excited delighted relieved pleased joyful calm
content""")
BAD_FEELINGS = words("sad worried afraid angry lonely upset nervous disappointed tired unhappy")
COLOURS = words("""red blue green yellow white black brown grey pink purple orange golden silver
turquoise crimson""")
LOOKS = words("""big small old new shiny soft round long pretty strange beautiful heavy light broken
wooden tiny huge lovely plain dusty smooth colourful bright simple special precious""")

PLACES = words("""forest garden park meadow village town beach lake river hill mountain farm castle
island harbour market school library orchard valley pond cave field mill barn bridge tower cottage
desert jungle swamp kitchen workshop bakery station lighthouse museum theatre zoo playground attic
cellar yard street square churchyard vineyard canyon marsh brook waterfall greenhouse stable""")
INSIDE = set(words("""garden park village town castle library market school orchard valley cave mill
barn tower cottage desert jungle swamp kitchen workshop bakery station lighthouse museum theatre zoo
attic cellar yard street churchyard vineyard canyon marsh greenhouse stable forest meadow"""))
OBJECTS = words("""ball kite book drum boat key hat scarf bell box basket lamp map ring cup doll toy
coat blanket flute mirror clock coin shell stone feather button ribbon umbrella bucket ladder wagon
wheel rope lantern candle whistle puzzle picture letter necklace crown sword shield violin trumpet
teapot spoon pillow telescope compass backpack balloon marble pencil crayon brush hammer bicycle
sledge sailboat bracelet mitten boot slipper jacket jar bottle vase chest puppet robot rocket
train truck windmill globe statue carpet curtain medal trophy""")
FOODS = phrases("""an apple, a pear, some cheese, some bread, a cake, a pie, some honey, some soup,
some nuts, some berries, a carrot, a cookie, some porridge, a pancake, a muffin, some cherries,
a sandwich, some grapes, some raisins, a melon, a biscuit, a plum, some jam, some noodles, a peach,
some strawberries, a bun, a waffle, some popcorn, a banana, some chocolate, a pretzel""")
PLANTS = words("""
rose tulip sunflower pumpkin carrot bean daisy lily tomato strawberry cabbage cherry
apple oak melon poppy violet pea radish""")
WEATHER = phrases("""sunny, rainy, windy, cold, warm, snowy, foggy, bright, cloudy, stormy, misty,
frosty, mild, fresh""")
SKILLS = phrases("""
swim, dance, sing, read, write, paint, whistle, juggle, fly a kite, play the flute,
play the drum, ride a bicycle, bake bread, climb trees, skate, sew, count to one hundred,
tell jokes, tie a knot, row a boat, jump rope, cook soup, draw horses, play chess, ski, knit,
build a tower,
plant flowers, catch a ball, make cheese, fold paper birds, speak in front of others""")
FEARS = phrases("""the dark, thunder, spiders, deep water, high places, loud noises, big dogs,
strangers, the wind, shadows, the old house, the doctor, ghosts, bees""")
GIFTS = phrases("""
a birthday, a wedding, the spring feast, the harvest feast, the last day of school,
the first day of winter""")
SOUNDS = phrases("""a tapping, a humming, a soft cry, a splash, a rustling, a whisper, a squeak,
a rumble, a jingle, a scratching, a strange song, a knocking""")
GAMES = phrases("""tag, hide and seek, football, cards, chess, marbles, catch""")
ROBOTS = words("Bolt Rivet Tick Clank Zip Gizmo Beep Cog Widget Spring Copper Tin")
