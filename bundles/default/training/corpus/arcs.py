"""What can happen in a story: for each arc its beats, one after the other.

{n} is the hero, {m} the other one; {he} {him} {his} {He} {His} and {mhe} {mhim} {mhis} {Mhe} stand
for them. {at} and {at2} are places with their prepositions, {the} and {the2} without.
"""

BEGIN = """[Once upon a time[,|] there [was|lived] a {trait} {kind} [named|called] {n}.
|One day, a {trait} {kind} [named|called] {n} [went|walked] to {the}.
|There was once a {trait} {kind} whose name was {n}.
|Long ago, a {trait} {kind} [named|called] {n} lived {at}.
|{n} was a {trait} {kind}.
|In a small [house|hut|home] near {the} lived a {trait} {kind}. {His} name was {n}.
|Once there was a {trait} {kind} called {n} who lived {at}.
|{n} was a {trait} and {trait2} {kind} who lived {at}.
|There was a {trait} {kind} who lived {at}. {His} name was {n}.
|This is the story of {n}, a {trait} {kind} who lived {at}.
|{n} and {m} were friends. {n} was a {trait} {kind}, and {m} was {mkind}.
|{n} the {kind} lived {at} with {his} friend {m}.
|Do you know {n}, the {trait} {kind}? {He} lived {at}.]"""

HABIT = """[{He} loved to [play|walk|sit|be] {at}.|{He} had a {look} {colour} {obj}.
|{He} liked {food} more than anything else.|Every day {he} [went|walked] to {the} with {m}.
|{His} best friend was {mkind} [named|called] {m}.|Everybody {at} knew {him}.
|{He} always carried a {look} {obj} with {him}.|{He} liked to play {game} with {m}.
|{He} lived there with {his} [mother|father|grandmother|family|brother|sister|aunt|uncle].
|{He} wanted to learn how to {skill}.|]"""

DAY = """[One {weather} day|One {weather} morning|One day|One morning|One {weather} afternoon
|On a {weather} day|One evening|The next day]"""

END = """[{n} [was|felt] very {feel}.|They [were|felt] very {feel}.|That night {n} slept well.
|From that day on, {n} and {m} were [good|best] friends.|And they lived happily ever after.
|{n} went home with a smile.|It was the best day of all.|{n} never forgot that day.
|{n} and {m} laughed [all the way home|until the sun went down|together for a long time].
|"What a [good|fine|lovely] day," said {n}.|Then they all ate {food} together.
|{n} told the story to everybody {at}.|The end.]"""

ARCS = {
    "lost": ["""DAY, {n} could not find {his} {colour} {obj}. [{He} was very {bad}.
|{He} began to cry.|"Where is my {obj}?" asked {n}.]""",
             """{He} looked [under the bed|behind the door|in the kitchen|in the grass|in every
room], but it was not there. [Then {he} asked {m} for help.|{m} saw that {n} was {bad}.
|{n} told {m} about it.]""",
             """[{m} said, "Do not worry. I will help you."|"Let us look for it together," said {m}.
|"When did you see it last?" asked {m}.|"I am good at finding things," said {m}.]""",
             """[They looked everywhere {at}.|They walked to {the} and looked [again|everywhere].
|They followed the path to {the}.] [At last|After a while|In the end], {m} found the {obj}
[behind a {look} {thing}|under a {look} {thing}|next to a {thing}|in a {look} {thing}].""",
             """["Thank you!" said {n}.|{n} thanked {m} and hugged {mhim}.
|"You are a true friend," said {n}.] [{n} put the {obj} in a safe place.|Now {n} takes better care
of
{his} {obj}.|]"""],
    "friend": ["""DAY, {n} met {mkind} {at}. [The name of the stranger was {m}.|The name of the
new neighbour was {m}.|They had not met before. The other one was called {m}.]""",
               """["Will you play with me?" asked {n}.|"Hello," said {n}. "What is your name?"
|{m} looked {bad} and sat alone.|At first {n} was too shy to speak.]""",
               """["I have no friends here," said {m}.|{m} smiled and said, "I am new here."
|"Yes, I would like that," said {m}.] [So they played {game} {at}.
|So {n} showed {m} {his} {look} {obj}.|So {n} gave {m} {food}.]""",
               """[They played until the evening.|They had a lot of fun.|Soon they forgot the time.]
[{m} showed {n} how to {skill}.|{n} showed {m} the way to {the2}.
|Then they walked to {the2} and looked for a {thing}.]""",
               """["Come again tomorrow," said {m}.|"I am glad that I met you," said {n}.
|Now {n} was not {bad} any more.]"""],
    "help": ["""DAY, {n} [walked|went|ran] to {the}. [There|On the way] {he} heard {sound}.
[{He} stopped and listened.|{He} wondered what it was.|"Who is there?" asked {n}.]""",
             """It was {m}, {mkind}. [{Mhe} was stuck [in a hole|in the mud|under a branch|in a
net].
|{Mhe} had hurt {mhis} [foot|leg|arm].|{Mhe} had fallen into the water.
|{Mhe} could not get down from the roof.]""",
             """["Please help me," said {m}.|"Help!" cried {m}.|{m} was very {bad}.] [{n} was
small, but
{he} was [brave|clever].|{n} thought for a moment.|{n} did not wait.]""",
             """{He} [fetched|brought|found] a long [rope|stick|branch|ladder] and pulled with all
{his} strength. [Soon|At last|After a while] {m} was [free|safe].""",
             """["You saved me," said {m}. "How can I thank you?"|{m} thanked {n} and gave {him} a
{look} {thing}.|"Thank you," said {m}. "You have a good heart."] [{n} smiled. "Anybody would have
done
that," {he} said.|]"""],
    "learn": ["""{n} wanted to {skill}, but {he} did not know how. [All the others could do it.
|"I will never learn it," said {n}.|DAY, {he} asked {m} for help.]""",
              """[{m} said, "Nobody can do it on the first day."|"I can teach you," said {m}.
|"You must practise every day," said {m}.]""",
              """[At first everything went wrong.|The first time, {n} fell over and everybody
laughed.|{n} tried and tried, but it was hard.] [{He} was {bad}.|{He} wanted to give up.
|{He} was very tired.] [But {m} said, "Try again."|But {he} did not give up.|But {he} tried once
more.]""",
              """[Day after day|Every morning|Each evening] {n} practised {at}. [At last|One
day|After
a week], {he} could {skill}.""",
              """["I did it!" cried {n}.|Everybody clapped.|{m} was very proud of {him}.|"You see,"
said {m},
"you only had to practise."]"""],
    "share": ["""DAY, {n} had {food}. [{He} wanted to eat it all alone.|It smelled very good.
|{He} sat down {at} to eat.]""",
              """Then {m} came by. [{Mhe} was very hungry.|{Mhe} looked at {n} and said nothing.
|"I have had nothing to eat today," said {m}.]""",
              """[{n} thought about it.|At first {n} wanted to keep everything.|{n} remembered what
{his} [mother|grandmother|father] had said.] [Then {he} gave half of it to {m}.|"Take some of
mine," said
{n}.|{n} shared it with {m}.]""",
              """[They sat [in the sun|under a tree|on a bench] and ate together.|It tasted better
than ever.|{m} was very thankful.]""",
              """[The next day {m} brought {n} {food2}.|Later {m} gave {n} a {look} {thing}.
|"Sharing makes two people happy," said {m}.|"Food tastes better with a friend," said {n}.]"""],
    "fear": ["""{n} was afraid of {fear}. [{He} did not tell anybody.|The others laughed at {him}.
|Every night {he} hid under {his} blanket.]""",
             """DAY, {m} [wanted to go|had to go|asked {him} to come] to {the}. ["I cannot come with
you," said {n}.|{n} was too {bad} to go.|{n} shook {his} head.]""",
             """["What are you afraid of?" asked {m}.|"Everybody is afraid of something," said {m}.
|{m} took {n} by the hand.] ["I was afraid of {fear} too," {mhe} said. "It will pass."
|"We will go together," {mhe} said.|"Take my {obj2}. It will help you," {mhe} said.]""",
             """[So they went together, step by step.|{n} took a deep breath and went.
|{n} closed {his} eyes and counted to ten.] [It was not bad at all.|Nothing happened.
|Soon {n} began to smile.|Then {he} saw that there was no danger.]""",
             """[Now {n} is not afraid of {fear} any more.|"I was brave," said {n}.|"You are braver
than
you think," said {m}.]"""],
    "gift": ["""It was almost time for {feast}. {n} wanted to give {m} [a present|something
special].
[But {he} had no money.|But {he} did not know what.|{He} thought about it all day.]""",
             """[{He} looked for a gift {at}.|{He} went to {the} to find something.|First {he} asked
the {person}.] [There {he} found a {look} {thing}.|"Make something yourself," said a friend.]""",
             """[So {he} made a {colour} {obj}.|{He} painted an old {obj} {colour}.
|So {n} took some [wood|paper|wool|clay] and made a {obj}.] [It took three days.|It was not easy.
|{He} worked until late at night.]""",
             """[At last it was ready.|Then the day came.] {n} gave the {obj} to {m}. [{m} could
not believe {mhis} eyes.|"Did you make this?" asked {m}.|{m} jumped for joy.]""",
             """["It is the most beautiful {obj} that I have ever had," said {m}.|"I will keep it
for
ever," said {m}.|{m} hugged {n}.]"""],
    "way": ["""DAY, {n} walked [far into|through|around] {the}. [{He} followed a {colour} butterfly.
|{He} was looking for a {thing}.|{He} did not watch the path.] [Soon {he} was lost.|After an hour
{he}
did not know where {he} was.]""",
            """[It became dark.|It began to rain.|The wind was cold.] {n} was {bad}. ["How shall I
get
home?" {he} asked.|{He} sat down on a stone.|{He} called, but nobody answered.]""",
            """Then {he} [saw|met|heard] {m}, {mkind}. ["Are you lost?" asked {m}.|"Why are you
so {bad}?" asked {m}.|"I know the way," said {m}.]""",
            """[{m} lit a lantern and went ahead.|Together they followed the [river|stars|path].
|{m} climbed a tree and looked around.] [At last they saw the lights of the [village|house|town].
|Soon {n} saw {his} home.]""",
            """[{His} [mother|father|grandmother] was waiting at the door.|"Thank you for showing me
the way," said {n}.|{n} asked {m} to stay for supper.|After that {n} always looked where {he} was
going.]"""],
    "plant": ["""DAY, {n} found a {look} seed {at}. ["What will it become?" asked {n}.|{He} put it
into
{his} pocket.|{He} showed it to {m}.]""",
              """{n} planted it [in the garden|in a pot|behind the house]. [Every day {he} gave it
water.|{m} helped to water it.|{He} waited and waited.]""",
              """[For a long time nothing happened.|After a week there was still nothing to see.]
["Be patient," said {m}.|"Good things take time," said {m}.|{n} was {bad}, but {he} did not give
up.]""",
              """[Then one morning|At last|One {weather} day] there was a [small|tiny] green leaf.
[It grew
and grew.|Soon it was as tall as {n}.|Every day it grew a little.] It was a {plant}!""",
              """[All the neighbours came to see it.|{n} and {m} danced around it.|"Look what came
from
one small seed," said {n}.]"""],
    "truth": ["""DAY, {n} was playing with a {thing}. [By accident|Suddenly], {he} [knocked
over|broke|hit]
the {look} {obj} of {m}. [It was broken.|There was a loud crash.]""",
              """[{n} was {bad} and ran away.|{n} hid the {obj} under the bed.|At first {n} wanted
to say
nothing.] [Soon {m} came home.|Then {m} came in.] "Who broke my {obj}?" asked {m}.""",
              """[{n} looked at the floor.|{n} was silent for a long time.|{n} felt {his} heart
beat.] ["I did it," {he} said. "I am sorry."|Then {he} told the truth.
|"It was me," {he} said at last.]""",
              """[{m} was not angry.|{m} was {bad}, but {mhe} smiled.|{m} thought for a moment.]
["It was
brave to tell the truth," {mhe} said.|"Thank you for telling me," {mhe} said.]""",
              """[Together they repaired the {obj}.|They glued the {obj}, and it looked almost new.
|{n} gave {m} {his} own {obj}.] [{n} was {feel} that {he} had told the truth.|]"""],
    "rain": ["""DAY, {n} and {m} wanted to go to {the}. [But it began to rain.|But there was a
storm.
|But the rain did not stop.] ["What a pity," said {n}.|They were {bad}.]""",
             """["What shall we do now?" asked {m}.|"I have an idea," said {n}.|"We can play
inside," said {m}.]""",
             """[They built a {look} [house|ship|castle] out of [blankets|boxes|chairs|pillows].
|They took a {obj} and a {obj2} and played theatre.|They told each other stories about a
{person}.]""",
             """[They were pirates, and the floor was the sea.|{n} was the {person}, and {m} was the
[guest|thief|hero].|{m} made tea and brought {food}.] [They laughed a lot.|They forgot the
rain.]""",
             """[In the evening the sun came out, and there was a rainbow.|"I hope that it rains
again
tomorrow," said {n}.|When the rain stopped, they did not even notice.]"""],
    "cook": ["""DAY, {n} wanted to bake a [cake|pie|loaf of bread] for {m}. [{He} had never done it
before.|{He} took the biggest bowl in the kitchen.|{He} put on a {colour} apron.]""",
             """[First {he} mixed flour, eggs and milk.|{He} took flour and butter.|{He} read the
recipe
twice.] [Then {he} added sugar.|Then {he} added honey.|Then {he} dropped an egg on the floor.]""",
             """[But {he} took salt instead of sugar.|But the oven was too hot.|But there was no
butter
in the house.] ["Oh no!" cried {n}.|{n} was {bad}.]""",
             """[{He} went to the {person} and asked for help.|{m} came in and saw it.|{He} began
again
from the start.] [This time it was perfect.|Together they made a new one.|This time it smelled
wonderful.]""",
             """[Everybody {at} wanted a piece.|It tasted [sweet|wonderful|very good].|"This is the
best
that I have ever eaten," said {m}.]"""],
    "sound": ["""DAY, {n} heard {sound} {at}. ["What is that?" {he} whispered.|{He} could not sleep.
|{He} was curious.]""",
              """[{He} woke {m}.|{He} called {m}.|{He} ran to {m}.] ["It is a ghost," said {m}.|"It
is only the wind," said {m}.|"Let us go and see," said {m}.]""",
              """They took a {obj} and went [outside|up the stairs|to {the2}|down the path]. [The
sound came
nearer.|It was very dark.|They walked slowly.]""",
              """[It came from a {look} {thing}.|They opened a {look} box.|They looked behind the
door.]
[There was a [little|tiny] {animal}, and it was {bad}.|A {animal} had made its nest there.|It was
only a
{animal} that wanted to come in.]""",
              """[They gave it {food} and let it sleep.|"Do not be afraid," said {n}.|They took it
back to {the2}.|They laughed, because they had been afraid of something so small.]"""],
    "race": ["""DAY, there was a race {at}. [{m} was the fastest of all.|"I will win," said {m}.
|Everybody wanted to win.] {n} [was slow, but {he} wanted to run too|had practised for weeks|had a
{colour} ribbon for luck].""",
             """["You will be the last," said {m}.|The {person} called, "Ready, steady, go!"
|Everybody ran as fast as they could.]""",
             """[{m} was far ahead.|At first {n} was the last.|{n} ran and ran.] [Then {m} fell
over a
{thing}.|Suddenly {m} stopped to eat {food}.|Then {m} hurt {mhis} foot.]""",
             """[{n} could have won.|Now {n} was the first.] [But {he} stopped and helped {m} to
stand up.
|But {he} turned around and asked, "Are you hurt?"] [They crossed the line together.|They
walked to the end side by side.]""",
             """[Both of them got a {look} medal.|"A friend is better than a prize," said {n}.
|{m} was ashamed and thanked {n}.|"Next time we run together from the start," said {m}.]"""],
    "night": ["""DAY, {n} looked at the [stars|moon|night sky]. ["I wish that I could [fly|fly so
high|go
there]," {he} said.|{He} saw a falling star.|One star was brighter than the others.]""",
              """[{He} made a wish.|{He} asked {m} about it.|{He} climbed onto the roof.] ["The
stars
are far away," said {m}.|"Every star has a name," said {m}.|"What did you wish for?" asked {m}.]""",
              """[So they built a {look} rocket out of an old {thing}.|They took a telescope and
went to
{the}.|They lay down in the grass {at}.]""",
              """[They counted the stars, but there were too many.|{n} gave a star the name of {m}.
|They saw [a {colour} star|the moon|an owl] above the trees.] [It was very quiet.|The air was cold
and clear.]""",
              """[Soon {n} fell asleep and dreamed of the sky.|"Tomorrow we come again," said {n}.
|"We do not need to fly," said {n}. "It is beautiful here too."]"""],
    "trade": ["""DAY, {n} took {his} {look} {obj} to {the}. [{He} wanted to sell it.|{He} wanted to
trade
it for {food}.|{He} needed money for a {obj2}.]""",
              """There {he} met {m}. ["I will give you a {thing} for it," said {m}.|"What does your
{obj} cost?" asked {m}.|"That is a fine {obj}," said {m}.]""",
              """[{n} did not know what to do.|{n} looked at the {obj} and was {bad}.|{n} thought
of {his}
grandmother, who had given it to {him}.]""",
              """[So {he} said, "I will keep it."|In the end they both gave something.|"You may
have it
for a day," said {n}.] [{m} understood.|{m} laughed and agreed.]""",
              """["Some things are not for sale," said {n}.|"A fair trade makes both happy," said
the
{person}.|On the way home {n} was {feel}.]"""],
}
