"""More arcs, in the words of arcs.py; these may also follow another one: {m} is known in them."""

MORE = {
    "map": ["""DAY, {n} found an old map in a {look} {thing}. [There was a red cross on it.|"This
is a
treasure map!" {he} cried.|At once {he} showed it to {m}.]""",
            """[The map led them through {the} to {the2}.|First they had to cross {the}.
|"We must go to {the2}," said {m}, who could read maps.] [The way was long|The path was steep|It was
getting late], but they did not [stop|turn back|give up].""",
            """[Under a big tree|Behind a waterfall|Next to an old wall] they began to dig.
[Soon|After an
hour|At last] they found a [wooden|heavy|rusty] box.""",
            """[In the box was a {look} {obj} and a letter.|The box was full of {colour} stones.
|When they opened it, there was only {food}.] ["Somebody hid this long ago," said {m}.|"The best
part was
the way," said {n}.|They looked at each other and laughed.]"""],
    "wish": ["""DAY, {n} [rubbed|cleaned|picked up] a {look} {obj}, and it began to
[shine|hum|speak]. "You
have one wish," said the {obj}.""",
             """[{n} thought of gold and castles.|{n} did not know what to wish for.|"May I wish for
anything?" asked {n}.] [Then {he} thought of {m}, who was {bad}.|But then {he} remembered that {m}
was ill.
|Then {he} looked at {m}.]""",
             """["I wish that {m} were well and happy," said {n}.|So {n} used the wish to help {m}.]
[There was a flash of {colour} light.|A warm wind blew.|For a moment it was very still.]""",
             """[The next moment {m} was laughing.|{m} felt better at once.] ["You wished for
somebody
else," said the {obj}. "That is rare."|The {obj} never spoke again, but {n} kept it.
|"Thank you," said {m}. "What can I do for you?"]"""],
    "quarrel": ["""DAY, {n} and {m} had a quarrel. [Both of them wanted the {colour} {obj}.
|{n} said that the {obj} belonged to {him}, and {m} wanted it too.
|They could not agree what to play.]""",
                """["You always get what you want!" cried {m}.|"Then I will play alone," said {n}.
|{m} turned around and went home.] [{n} sat alone {at}.|Without {m} it was boring.]""",
                """[After an hour {n} missed {m}.|That evening {n} could not eat.|{n} asked the
{person}
what to do.] ["It takes courage to say sorry," said the {person}.|"A {obj} is only a {obj}," {he}
thought.]""",
                """So {n} went to {m} and said, "I am sorry." ["I am sorry too," said {m}.
|{m} had wanted to say the same.|{m} was {feel}.] [From then on they took turns.|Now the {obj}
belongs to
both of them.|They shared {food} and were friends again.]"""],
    "visit": ["""DAY, {m} was ill and had to stay in bed. [{n} heard about it from the {person}.
|{n} waited for {mhim} {at}, but nobody came.|"Poor {m}," said {n}.]""",
              """{n} packed {food} and a {obj} into a basket. [It was a long way to the house of
{m}.
|{He} walked through {the} to visit {m}.|{He} ran all the way.]""",
              """[{m} was pale, but {mhe} smiled.|{m} was very {bad} when {n} came in.] [{n} told
{mhim} a
funny story.|{n} read to {mhim} from a book.|{n} sang a song.]""",
              """["Laughing is the best medicine," said {m}.|{m} ate everything and felt better.]
[After three days|A week later|Soon] {m} was well again, and they [went|walked] to {the}
together."""],
    "dream": ["""That night {n} had a strange dream. [In it {he} could fly over {the}.|In it {he}
was as small
as a {animal}.|In it all animals could talk.]""",
              """[A {animal} with a {colour} {obj} came and said, "Follow me."|{He} met a {animal}
who
wore a {colour} hat.|There was a {look} door, and behind it was {the2}.]""",
              """[Together they danced on the clouds.|The {animal} asked {him} a riddle.|Everything
was
{colour}, even the trees.] [Then a bell rang, and {n} woke up.|Then {n} fell and fell, and woke up
in {his}
bed.]""",
              """[Was it only a dream? On the table lay a {colour} {obj}.|In the morning {he} told
{m} about
it.|"I had the same dream," said {m}.] [They both wondered about it for a long time.
|{n} smiled the whole day.]"""],
    "nest": ["""DAY, {n} found a [bird|young bird|small bird] that had fallen out of its nest. [It
was cold and
hungry.|It could not fly yet.|Its wing was hurt.]""",
             """["We must help it," said {n} to {m}.|{n} carried it home in {his} hands.|{n} called
{m}.]
[They made a bed for it in a {look} box.|They fed it with worms and seeds.|{m} kept it warm.]""",
             """[Every day it grew stronger.|After a week it began to sing.|Soon it followed {n}
everywhere.] [{n} loved the bird, but {he} knew that it had to be free.|"Birds belong in the sky,"
said
{m}.]""",
             """So they took it to {the} and let it fly. [{n} was sad and glad at the same
time.|The bird
flew once around their heads.] [In spring it came back.|Each morning it sings at the window of
{n}.]"""],
    "song": ["""There was to be a [concert|feast|dance] {at}. [Everybody was to sing or play.|{n}
wanted to
play {his} {look} drum.|The {person} invited them all.] [But {n} was too {bad} to sing alone.
|But the {colour} flute of {n} was broken.]""",
             """["We could sing together," said {m}.|{m} offered to play with {him}.|"I will stand
next to
you," said {m}.] [They practised until they knew every note.|They practised the song ten times.]""",
             """[At last the evening came.|The place was full of people.] [{n} was so nervous that
{his}
knees shook.|First the {person} played the violin.] Then {n} and {m} [began|started] to sing.""",
             """[Everybody listened, and nobody coughed.|Even the {animal} stopped to listen.]
[When it was
over, they all clapped.|"Once more!" cried the people.|"That was wonderful," said the
{person}.]"""],
    "bridge": ["""The old bridge near {the} was broken, and nobody could get to {the2}.
[The {person} said, "It cannot be repaired."
|Everybody complained, but nobody did anything.|It was a great problem for all.]""",
               """"[Then we will build a new one|Let us try it|We only have to begin]," said {n}.
[{m} laughed
at first.|{m} brought a hammer and nails.|{m} made a plan.]""",
               """[On the first day they carried wood.|They worked from morning to evening.|{n}
counted the
boards, and {m} held them.] [On the second day more helpers came.|Soon the {person} helped too.|In
the end
everybody helped.]""",
               """After [three|five|ten] days the bridge was ready. [They painted it {colour}.|{n}
was the
first to walk across.|They named it after {n} and {m}.] ["Many hands make light work," said the
{person}.
|"I would not have believed it," said {m}.]"""],
    "robot": ["""{n} built a robot out of [old tins|a {thing}|wood and wire]. [It had {colour}
eyes.|It could say
only one word.|{He} worked on it for many days.] {He} called it {robot}.""",
              """[At first {robot} did everything wrong.|{robot} wanted to help, but it broke a
{obj}.
|{robot} put the {obj} into the soup.] [{m} laughed until {mhe} cried.|"Is it dangerous?" asked {m}.
|"It has to learn," said {n}.]""",
              """{n} was patient and showed it how to [sweep the floor|carry water|set the
table|water the
plants]. [After a week it could do it alone.|Day by day it became better.|It never became
tired.]""",
              """[Now {robot} helps everybody {at}.|In the evening {robot} tells jokes.|"Good
robot," said
{n}.] [And it has learned a second word: friend.|And nobody laughs at it any more.]"""],
    "letter": ["""DAY, {n} got a letter. [It was the first letter of {his} life.|There was no name
on it.
|It had a {colour} stamp.] "[Come to {the2} tomorrow|I need your help|I have a secret|I miss you],"
it said.""",
               """["Who may have written it?" asked {n}.|{n} read it three times.|{n} asked the
{person},
but {he} did not find out who had written it.] [The {person} did not know.|So {he} set out at once.
|{He} took a {obj} with {him}.]""",
               """On the way {he} met {m}. ["I got a letter too," said {m}.|{m} had ink on {mhis}
fingers.
|{m} smiled and said nothing.]""",
               """[Then {m} said, "I wrote it."|It was {m} who had written it.|Soon they found out
that the
{person} had written both.] ["I wanted to surprise you," said {m}.|There was a feast with {food}
for all.
|Since then {n} and {m} write to each other every week.]"""],
    "snow": ["""DAY, everything was white, because it had snowed all night. {n} put on a {colour}
[coat|scarf|hat]
and ran outside.""",
             """[{n} and {m} built a snowman with a carrot for a nose.|{m} was already there with a
sledge.
|They threw snowballs at each other.] [They gave it an old {obj}.|The snow was deep and soft.|Even
the {person}
came out to play.]""",
             """[Soon their hands were cold.|Then the sledge went too fast, and they fell into the
snow.
|In the afternoon it began to snow again.] ["Are you all right?" asked {n}.|They laughed.|"I have
never seen so
much snow," said {m}.]""",
             """[At home there was hot soup.|They warmed their hands at the fire.|They drank hot
milk with
honey.] ["I wish that winter would never end," said {n}.|Outside the snow fell without a
sound.]"""],
    "tidy": ["""The room of {n} was full of things. [{He} could not find {his} {obj}.|There was a
{thing} on the
bed and a {obj} on the floor.|"You must tidy up," said {his} [mother|father|grandmother].]""",
             """["I will do it tomorrow," said {n}.|{n} did not want to begin.|"It is too much,"
said {n}.]
[Then {m} came to play, but there was no room.|But {m} fell over the {thing}.]""",
             """["Let us make a game of it," said {m}.|{m} began to count the things.] [Who was
faster got
{food}.|They put the {colour} things to the left and all others to the right.|They sang while they
worked.]""",
             """[Soon the room was clean.|After an hour they could see the floor again.] [And {n}
found the
{obj}, which had been under the bed.|"That was not so bad," said {n}.|Now there was room to
play.]"""],
}
