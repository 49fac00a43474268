"""What the model is told about the world: tables of simple facts."""

# animal: where it lives; what it eats; what it does or says; its young
ANIMALS = """
bear: forest; berries and fish; growls; cub
lion: savanna; meat; roars; cub
tiger: jungle; meat; roars; cub
wolf: forest; meat; howls; pup
fox: forest; mice and berries; barks; cub
rabbit: meadow; grass and carrots; hops; kit
hare: field; grass; runs fast; leveret
deer: forest; leaves and grass; runs fast; fawn
mouse: hole; seeds and cheese; squeaks; pup
rat: cellar; almost everything; squeaks; pup
squirrel: tree; nuts; climbs; kit
hedgehog: garden; worms and beetles; rolls into a ball; hoglet
badger: burrow; worms and roots; digs; cub
mole: tunnel; worms; digs; pup
otter: river; fish; swims; pup
beaver: river; bark and leaves; builds dams; kit
cat: house; fish and mice; meows; kitten
dog: house; meat and bones; barks; puppy
horse: stable; hay and oats; neighs; foal
donkey: stable; hay; brays; foal
cow: farm; grass; moos; calf
pig: sty; almost everything; grunts; piglet
sheep: meadow; grass; bleats; lamb
goat: mountain; grass and leaves; bleats; kid
hen: farm; grain; clucks; chick
duck: pond; water plants; quacks; duckling
goose: pond; grass; honks; gosling
swan: lake; water plants; glides; cygnet
owl: forest; mice; hoots; owlet
eagle: mountain; small animals; soars; eaglet
sparrow: town; seeds; chirps; chick
crow: field; almost everything; caws; chick
parrot: jungle; fruit and nuts; talks; chick
penguin: ice; fish; swims; chick
ostrich: savanna; grass and seeds; runs fast; chick
stork: marsh; frogs and fish; clatters; chick
frog: pond; flies; croaks; tadpole
toad: garden; beetles; croaks; tadpole
turtle: sea; sea grass; swims; hatchling
snake: desert; mice; hisses; snakelet
lizard: desert; insects; climbs; hatchling
crocodile: river; fish and meat; swims; hatchling
elephant: savanna; leaves and grass; trumpets; calf
giraffe: savanna; leaves; stretches its neck; calf
zebra: savanna; grass; runs fast; foal
monkey: jungle; fruit; climbs; infant
gorilla: jungle; leaves; climbs; infant
kangaroo: desert; grass; jumps; joey
koala: tree; leaves; climbs; joey
panda: forest; bamboo; climbs; cub
camel: desert; dry grass; walks far; calf
hippo: river; grass; swims; calf
rhino: savanna; grass; charges; calf
whale: sea; tiny sea animals; sings; calf
dolphin: sea; fish; leaps; calf
seal: sea; fish; barks; pup
shark: sea; fish; swims; pup
crab: beach; almost everything; walks sideways; larva
octopus: sea; crabs; hides; larva
snail: garden; leaves; creeps; hatchling
bee: hive; nectar; buzzes; larva
ant: nest; seeds and insects; carries loads; larva
spider: web; flies; spins webs; spiderling
butterfly: meadow; nectar; flutters; caterpillar
bat: cave; insects; hangs upside down; pup
salmon: river; small fish; leaps; fry
goldfish: bowl; flakes; swims; fry
""".strip().splitlines()

OPPOSITES = """big small;hot cold;tall short;fast slow;old young;happy sad;light dark;day night
up down
left right;open closed;wet dry;hard soft;full empty;loud quiet;near far;early late;good bad
rich poor;strong weak;clean dirty;high low;long short;heavy light;thick thin;wide narrow
deep shallow;sweet sour;rough smooth;sharp blunt;brave timid;kind cruel;easy difficult;true false
right wrong;safe dangerous;first last;begin end;give take;buy sell;push pull;win lose;laugh cry
love hate;come go;remember forget;sleep wake;ask answer;in out;over under;before after;always never
more less;many few;north south;east west;summer winter;friend enemy;top bottom;inside outside
wild tame;bright dim;calm stormy;polite rude;lazy busy;public private;simple complex;same different
front back;noisy silent;asleep awake;alive dead;ancient modern;arrive leave;build destroy
accept refuse;catch throw;find lose;float sink;freeze melt;grow shrink;hide show;join separate
lend borrow;lock unlock;pass fail;raise lower;reward punish;rise fall;save spend;send receive
teach learn;tie untie;whisper shout;cheap expensive;guilty innocent;humble proud;careful careless
patient impatient;possible impossible;visible invisible;equal unequal;male female;hero villain
question answer;parent child;teacher pupil;buyer seller;master servant;guest host;victory defeat
war peace;truth lie;success failure;profit loss;entrance exit;arrival departure
sunrise sunset""".replace(
    "\n", ";").split(";")

CAPITALS = """France Paris Europe;Spain Madrid Europe;Portugal Lisbon Europe;Italy Rome Europe
Germany Berlin Europe;Austria Vienna Europe;Switzerland Bern Europe;Belgium Brussels Europe
Denmark Copenhagen Europe;Norway Oslo Europe;Sweden Stockholm Europe;Finland Helsinki Europe
Iceland Reykjavik Europe;Ireland Dublin Europe;Poland Warsaw Europe;Hungary Budapest Europe
Greece Athens Europe;Bulgaria Sofia Europe;Romania Bucharest Europe;Serbia Belgrade Europe
Croatia Zagreb Europe;Slovenia Ljubljana Europe;Slovakia Bratislava Europe;Ukraine Kyiv Europe
Estonia Tallinn Europe;Latvia Riga Europe;Lithuania Vilnius Europe;Russia Moscow Europe
Albania Tirana Europe;Malta Valletta Europe;England London Europe;Scotland Edinburgh Europe
Wales Cardiff Europe;China Beijing Asia;Japan Tokyo Asia;India Delhi Asia;Thailand Bangkok Asia
Vietnam Hanoi Asia;Nepal Kathmandu Asia;Mongolia Ulaanbaatar Asia;Iran Tehran Asia;Iraq Baghdad Asia
Turkey Ankara Asia;Indonesia Jakarta Asia;Pakistan Islamabad Asia;Afghanistan Kabul Asia
Bangladesh Dhaka Asia;Jordan Amman Asia;Lebanon Beirut Asia;Syria Damascus Asia;Oman Muscat Asia
Qatar Doha Asia;Laos Vientiane Asia;Bhutan Thimphu Asia;Egypt Cairo Africa;Kenya Nairobi Africa
Nigeria Abuja Africa;Ghana Accra Africa;Morocco Rabat Africa;Algeria Algiers Africa
Tunisia Tunis Africa;Libya Tripoli Africa;Sudan Khartoum Africa;Uganda Kampala Africa
Rwanda Kigali Africa;Zambia Lusaka Africa;Zimbabwe Harare Africa;Angola Luanda Africa
Senegal Dakar Africa;Mali Bamako Africa;Mozambique Maputo Africa;Botswana Gaborone Africa
Namibia Windhoek Africa;Madagascar Antananarivo Africa;Canada Ottawa America;Cuba Havana America
Peru Lima America;Chile Santiago America;Uruguay Montevideo America;Ecuador Quito America
Colombia Bogota America;Venezuela Caracas America;Australia Canberra Oceania
Fiji Suva Oceania;Brazil Brasilia America;Jamaica Kingston America""".replace("\n", ";").split(";")

# job: what this person does; where
JOBS = """
baker: bakes bread; bakery
farmer: grows food; farm
doctor: helps sick people; hospital
nurse: cares for sick people; hospital
teacher: teaches children; school
pilot: flies planes; airport
sailor: sails ships; harbour
fisher: catches fish; sea
cook: cooks meals; kitchen
tailor: sews clothes; workshop
carpenter: makes things of wood; workshop
smith: makes things of iron; forge
potter: makes pots of clay; workshop
miner: digs for coal and ore; mine
miller: grinds grain; mill
librarian: looks after books; library
painter: paints pictures; studio
singer: sings songs; theatre
actor: plays in films and plays; theatre
writer: writes books; study
judge: decides what is just; court
lawyer: knows the law; court
soldier: defends a country; camp
firefighter: puts out fires; fire station
gardener: looks after plants; garden
shepherd: looks after sheep; meadow
butcher: sells meat; shop
barber: cuts hair; shop
dentist: looks after teeth; surgery
builder: builds houses; building site
plumber: repairs water pipes; house
programmer: writes programs; office
scientist: studies nature; laboratory
astronaut: travels to space; rocket
clown: makes people laugh; circus
waiter: brings food to guests; restaurant
vet: helps sick animals; clinic
beekeeper: keeps bees; orchard
postman: brings letters; town
driver: drives a bus; road
mechanic: repairs cars; garage
jeweller: makes rings; shop
weaver: weaves cloth; workshop
astronomer: studies stars; observatory
operator: watches over machines; data centre
""".strip().splitlines()

# thing: what it is for; what it is made of
THINGS = """
knife: cutting; steel
spoon: eating soup; metal
pot: cooking; metal
hammer: driving nails; steel and wood
saw: cutting wood; steel
needle: sewing; steel
rope: tying things; fibres
bucket: carrying water; wood or plastic
broom: sweeping the floor; straw
key: opening locks; metal
lamp: giving light; metal and glass
candle: giving light; wax
window: looking outside; glass
door: going in and out; wood
chair: sitting; wood
bed: sleeping; wood
table: eating and working; wood
book: reading; paper
pencil: writing; wood and graphite
clock: telling the time; metal
map: finding the way; paper
compass: finding north; metal
umbrella: keeping dry in the rain; cloth
coat: keeping warm; wool
boot: walking in mud; leather
boat: travelling on water; wood
bridge: crossing a river; stone or steel
ladder: climbing; wood
kite: flying in the wind; paper
drum: making music; wood and skin
violin: making music; wood
bell: ringing; bronze
mirror: seeing oneself; glass
basket: carrying things; willow
bottle: holding water; glass
telescope: looking at stars; metal and glass
microscope: looking at tiny things; metal and glass
computer: working with data; silicon and metal
disk: storing data; metal
keyboard: typing; plastic
network card: talking to other computers; silicon
cable: carrying signals; copper
wheel: rolling; rubber and steel
tent: sleeping outdoors; cloth
shovel: digging; steel and wood
pillow: resting the head; feathers
cup: drinking; clay
plate: eating; clay
net: catching fish; string
scissors: cutting paper; steel
""".strip().splitlines()

# food: group; colour; taste
FOODS = """apple: fruit; red or green; sweet;banana: fruit; yellow; sweet;lemon: fruit; yellow; sour
orange: fruit; orange; sweet;cherry: fruit; red; sweet;pear: fruit; green; sweet
plum: fruit; purple; sweet;grape: fruit; green or purple; sweet;peach: fruit; orange; sweet
strawberry: fruit; red; sweet;blueberry: fruit; blue; sweet;melon: fruit; green; sweet
lime: fruit; green; sour;mango: fruit; orange; sweet;fig: fruit; purple; sweet
carrot: vegetable; orange; sweet;potato: vegetable; brown; mild;onion: vegetable; brown; sharp
cabbage: vegetable; green; mild;pea: vegetable; green; sweet;bean: vegetable; green; mild
cucumber: vegetable; green; mild;radish: vegetable; red; sharp;beetroot: vegetable; dark red; earthy
pumpkin: vegetable; orange; mild;leek: vegetable; green; mild;turnip: vegetable; white; mild
walnut: nut; brown; mild;almond: nut; brown; mild;hazelnut: nut; brown; mild""".replace(
    "\n", ";").replace("; ", ", ").split(";")

PLURALS = """child children;man men;woman women;mouse mice;goose geese;foot feet;tooth teeth;ox oxen
sheep sheep;deer deer;fish fish;leaf leaves;wolf wolves;knife knives;life lives;wife wives
half halves
shelf shelves;loaf loaves;thief thieves;box boxes;fox foxes;baby babies;city cities;story stories
berry berries;puppy puppies;hero heroes;potato potatoes;tomato tomatoes;bus buses;glass glasses
watch watches;brush brushes;cat cats;dog dogs;book books;house houses;capability capabilities
key keys;index indices;person people""".replace("\n", ";").split(";")

PASTS = """go went;come came;see saw;find found;give gave;take took;make made;run ran;eat ate
drink drank
sing sang;swim swam;begin began;fall fell;fly flew;grow grew;know knew;throw threw;draw drew
blow blew
write wrote;ride rode;drive drove;speak spoke;break broke;wake woke;steal stole;choose chose
freeze froze
forget forgot;get got;sit sat;stand stood;understand understood;think thought;bring brought
buy bought
catch caught;teach taught;fight fought;sleep slept;keep kept;feel felt;leave left;meet met;lose lost
send sent;build built;spend spent;lend lent;hear heard;say said;tell told;sell sold;hold held
hide hid
win won;dig dug;hang hung;read read;put put;cut cut;shut shut;play played;walk walked;ask asked
help helped
laugh laughed;cry cried;try tried;stop stopped;plan planned;be was;have had;do did""".replace(
    "\n", ";").split(";")

SYNONYMS = """big large;small little;quick fast;happy glad;angry cross;begin start;end finish
shut close
ill sick;smart clever;brave bold;quiet silent;rich wealthy;strange odd;simple easy;hard difficult
pretty beautiful;present gift;stone rock;road street;child kid;path way;speak talk;reply answer
shout yell;jump leap;look watch;help aid;error mistake;fear fright;journey trip;forest wood
ocean sea
boat ship;house home;rabbit bunny;choose pick;repair mend;throw toss;weep cry;sleepy tired
rude impolite
correct right;wrong false;empty vacant;scared afraid;wonderful great;tiny minute;huge giant
enormous huge;silly foolish;thin slim;neat tidy;buy purchase;allow permit;need require;hurry rush
keep hold;collect gather;discover find;whole entire;near close""".replace("\n", ";").split(";")

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = ("January February March April May June July August September October November "
          "December").split()
SEASONS = "spring summer autumn winter".split()

# A question; its answer. Each stands alone.
SINGLE = """
What colour is the sky?|The sky is blue on a clear day.
What colour is grass?|Grass is green.
What colour is snow?|Snow is white.
What colour is coal?|Coal is black.
What colour is blood?|Blood is red.
Where does the sun rise?|The sun rises in the east.
Where does the sun set?|The sun sets in the west.
What is the sun?|The sun is a star. It gives us light and warmth.
What is the moon?|The moon goes around the earth. It shines at night.
What is the earth?|The earth is the planet on which we live.
What is a star?|A star is a very hot ball of gas, far away.
What is a planet?|A planet is a world that goes around a star.
Which planet is the largest?|Jupiter is the largest planet of the sun.
Which planet is the smallest?|Mercury is the smallest planet of the sun.
Which planet is nearest to the sun?|Mercury is nearest to the sun.
Which planet has large rings?|Saturn has large rings.
Which planet is red?|Mars is the red planet.
How many planets does the sun have?|The sun has eight planets.
How many days are in a week?|A week has seven days.
How many months are in a year?|A year has twelve months.
How many days are in a year?|A year has 365 days, and a leap year has 366.
How many hours are in a day?|A day has twenty four hours.
How many minutes are in an hour?|An hour has sixty minutes.
How many seconds are in a minute?|A minute has sixty seconds.
How many legs does a spider have?|A spider has eight legs.
How many legs does an insect have?|An insect has six legs.
How many legs does a dog have?|A dog has four legs.
How many wheels does a bicycle have?|A bicycle has two wheels.
How many sides does a triangle have?|A triangle has three sides.
How many sides does a square have?|A square has four equal sides.
How many sides does a hexagon have?|A hexagon has six sides.
How many fingers does a hand have?|A hand has five fingers.
How many bits are in a byte?|A byte has eight bits.
How many bytes are in a kilobyte?|A kilobyte has 1024 bytes in most computers.
What is ice?|Ice is frozen water.
What is rain?|Rain is water that falls from clouds.
What is a cloud?|A cloud is made of tiny drops of water.
What is wind?|Wind is moving air.
What is thunder?|Thunder is the noise that lightning makes.
What is a river?|A river is water that flows to the sea.
What is an island?|An island is land with water all around it.
What is a desert?|A desert is a dry place with little rain.
What is a mountain?|A mountain is very high land.
What is a volcano?|A volcano is a mountain from which hot rock can come.
What is a forest?|A forest is a place with many trees.
What is a tree?|A tree is a tall plant with a trunk and leaves.
What is a seed?|A seed is what a new plant grows from.
What is honey?|Honey is a sweet food that bees make.
What is milk?|Milk is a white drink that comes from cows.
What is bread?|Bread is a food that is baked from flour and water.
What is cheese?|Cheese is made from milk.
What is gold?|Gold is a yellow metal that does not rust.
What is iron?|Iron is a strong grey metal that can rust.
What is glass?|Glass is made from hot sand.
What is paper?|Paper is made from wood.
What is wool?|Wool is the hair of sheep.
What is the heart for?|The heart pumps blood through the body.
What are lungs for?|We breathe with our lungs.
What are eyes for?|We see with our eyes.
What are ears for?|We hear with our ears.
What is the nose for?|We smell with the nose.
What is the tongue for?|We taste with the tongue.
What are teeth for?|We chew with our teeth.
When do leaves fall?|Leaves fall in autumn.
When does it snow?|It snows in winter.
When do flowers bloom?|Many flowers bloom in spring.
When do we sleep?|We sleep at night.
At what temperature does water boil?|Water boils at 100 degrees Celsius.
At what temperature does water freeze?|Water freezes at zero degrees Celsius.
Which ocean is the largest?|The Pacific is the largest ocean.
Which animal is the largest?|The blue whale is the largest animal.
Which animal is the tallest?|The giraffe is the tallest animal.
Which animal is the fastest on land?|The cheetah is the fastest animal on land.
What is a computer?|A computer is a machine that follows a program.
What is a program?|A program is a list of steps for a computer.
What is memory?|Memory is where a computer keeps data while it works.
What is a processor?|A processor is the part of a computer that runs programs.
What is a kernel?|A kernel is the innermost program of an operating system.
What is an operating system?|An operating system lets programs share a computer.
What is a network?|A network connects computers so that they can exchange data.
What is a file?|A file is a named piece of stored data.
What is a packet?|A packet is a small piece of data that is sent over a network.
What is a process?|A process is a program that is running.
What is a thread?|A thread is one line of work within a program.
What is a lock?|A lock lets only one thread at a time use something.
What is an interrupt?|An interrupt tells a processor that a device needs attention.
What is a driver?|A driver is a program that talks to a device.
What is a byte?|A byte is a number with eight bits.
What is a bit?|A bit is either zero or one.
What is a hash?|A hash is a short number that stands for a long text.
What is a signature?|A signature shows who made something and that nobody changed it.
What is a key?|A key opens a lock. In computers it is a secret number.
What is HTTP?|HTTP is the language that browsers and web servers speak.
What is TCP?|TCP brings bytes over a network, in order and without loss.
What is curl?|curl is a program that sends requests over the network.
What is a story?|A story tells what happened to somebody.
What is a friend?|A friend is somebody who likes you and helps you.
Why do birds have wings?|Birds have wings so that they can fly.
Why do we eat?|We eat because food gives us strength.
Why do we drink?|We drink because the body needs water.
Why do we sleep?|We sleep because the body needs rest.
Why is the night dark?|The night is dark because the sun is on the other side of the earth.
Why do plants need light?|Plants need light to grow.
Why do fish live in water?|Fish live in water because they breathe with gills.
""".strip().splitlines()
